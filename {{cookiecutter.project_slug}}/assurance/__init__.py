"""What proves it? Never part of the image."""
