// Command parley finds out why a chat bot is slow, by talking to it.
package main

import (
	"fmt"
	"os"

	"parley/internal/cli"
)

func main() {
	env, err := cli.OS()
	if err != nil {
		fmt.Fprintln(os.Stderr, "parley:", err)
		os.Exit(2) // not 1, which would say that a budget failed
	}
	os.Exit(cli.Main(env))
}
