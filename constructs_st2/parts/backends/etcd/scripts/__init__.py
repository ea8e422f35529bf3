"""The scripts of etcd's pods."""
