package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// prepareFolder makes the folder of a run, or checks and empties the one that
// is there, and locks it.
func prepareFolder(dir string, replace bool) (*os.File, error) {
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return nil, err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	if err := makeRoom(dir, replace); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := os.Mkdir(filepath.Join(dir, segmentsDir), folderMode); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// makeRoom makes sure that the folder holds nothing a new run could destroy or
// be confused with.
func makeRoom(dir string, replace bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return err
	}
	run, err := readRunFile(filepath.Join(dir, runFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the folder %s is not empty and holds no run of parley: choose another", dir)
	case err != nil:
		return fmt.Errorf("the folder %s is not empty and holds no run this parley can read: choose another: %w", dir, err)
	case !replace:
		return fmt.Errorf("the folder %s holds the run %q already (%s): choose another, or have it replaced", dir, run.Name, run.State)
	}
	return removeRun(dir)
}

// ExchangesDir is the folder of a run for what was kept of the exchanges with real services.
const ExchangesDir = "exchanges"

// removeRun deletes what belongs to a run, and nothing else that a person may
// have put beside it. run.json goes last, so that an interrupted removal can be repeated.
func removeRun(dir string) error {
	own := []string{segmentsDir, ExchangesDir, "snapshots", "report.html"}
	for _, table := range tableNames() {
		own = append(own, table+".parquet", table+".parquet"+tempSuffix)
	}
	for _, name := range append(own, runFile+tempSuffix, runFile) {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("replace run: %w", err)
		}
	}
	return nil
}
