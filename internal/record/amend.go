package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"parley"
)

// Amend changes run.json of a run that has ended: a verdict is reached after the
// last row. It refuses a run that is being recorded.
func Amend(dir string, change func(*parley.Run)) (err error) {
	lock, err := lockFolder(dir)
	if err != nil {
		return fmt.Errorf("amend run: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	path := filepath.Join(dir, runFile)
	run, err := readRunFile(path)
	if err != nil {
		return fmt.Errorf("amend run: %w", err)
	}
	change(&run)
	data, err := json.MarshalIndent(&run, "", "  ")
	if err != nil {
		return fmt.Errorf("amend run: %w", err)
	}
	return replaceFile(localDisk{}, path, func(w io.Writer) error {
		_, err := w.Write(append(data, '\n'))
		return err
	})
}
