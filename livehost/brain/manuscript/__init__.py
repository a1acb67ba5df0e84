"""Product files and the rundown, changed from the page: read, checked, published, taken back."""
