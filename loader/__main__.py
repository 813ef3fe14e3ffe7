"""`python -m loader` is the command `cdr`."""

from loader.cli.main import main

if __name__ == "__main__":
    main()
