"""LLMs behind endpoints that users name: one request at a time, every answer kept."""
