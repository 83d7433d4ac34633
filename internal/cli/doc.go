// Package cli is the command line: commands, flags and exit codes around package
// app. It is the only package that knows the process's own streams and signals.
package cli
