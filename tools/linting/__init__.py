"""Rules of `./dev lint`: each takes the files of the repository and yields findings."""
