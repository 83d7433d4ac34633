//go:build unix && !linux

package target

import (
	"errors"
	"syscall"
)

// Elsewhere than on Linux a parent cannot leave a signal for its children, nor
// adopt orphans: a bot ends with parley only if parley ends in an orderly way.

func deathSignal(*syscall.SysProcAttr, syscall.Signal) {}

func adopt() error { return errors.ErrUnsupported }

func rename(string) {}

func descendants(int) []int { return nil }
