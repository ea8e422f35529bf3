"""The scripts of RabbitMQ's pods."""
