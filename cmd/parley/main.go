// Command parley finds out why a chat bot is slow, by talking to it.
package main

func main() {}
