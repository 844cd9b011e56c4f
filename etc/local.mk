# what this folder installs or ships
