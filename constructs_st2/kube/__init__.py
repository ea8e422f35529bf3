"""Plain Kubernetes data: documents, how they are read and written, and small ones that everybody makes."""
