"""What a hospital or a radiologist may want to change, as data. Loaders live with their users."""
