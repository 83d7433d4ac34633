//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package record

import "os"

// lockFolder has nothing to lock with here, so a run that is still going on
// looks like one that was killed.
func lockFolder(dir string) (*os.File, error) { return os.Open(dir) }

func isLocked(string) bool { return false }
