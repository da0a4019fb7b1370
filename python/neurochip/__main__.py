"""`python -m neurochip` is the command `neurochip`."""

from .cli import main

if __name__ == "__main__":
    main()
