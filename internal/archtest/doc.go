// Package archtest holds the rules of the house as tests: which package may
// import which, what every package must say about itself, and what no file may
// contain. It reads source text only and is not part of the program. A rule that
// gets in the way is changed here, in the open, with its reason.
package archtest
