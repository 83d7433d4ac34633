// Package report has a browser judge the report of a run: the page is made by
// the real binary from real runs of the built-in bot, and opened from disk in
// Chromium with a fresh profile.
//
// If PARLEY_SCREENSHOTS names a folder, pictures of what was judged are kept there.
package report
