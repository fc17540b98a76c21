"""What the votes say: numbers in, frozen dataclasses out. Imports neither Django nor any app."""
