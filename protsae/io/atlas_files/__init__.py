"""An atlas on disk: one sealed .zip, or a folder, every member with its checksum."""
