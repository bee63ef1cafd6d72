"""Which version of Flexguard is this? For what must say so in Azure, where no project file is; a test compares both."""

VERSION = "0.1.0"
