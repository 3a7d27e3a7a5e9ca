"""What an article is: files in, articles and their passages out."""
