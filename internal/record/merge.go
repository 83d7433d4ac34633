package record

import (
	"cmp"
	"errors"
	"slices"

	"parley"
)

// mergeRows is how many turns are put in order at a time: the memory of a merge
// is this many turns and 16 bytes for every row.
const mergeRows = 1 << 16

// place says in which row of which file something about a turn stands.
type place struct {
	turn int64
	file int32
	row  int32
}

// merger yields every turn of the segments once, as its last row has it, in
// order of id. Files later in the list, and rows later in a file, are newer.
type merger struct {
	files []string
	// damaged hears of files that cannot be read. They are left out, so that their
	// turns appear as the other files have them.
	damaged func(error)
	yield   func([]parley.Turn) bool
	// after is the last id that was yielded, if any was.
	after   int64
	started bool
}

// mergeTurns runs a merger over the files.
func mergeTurns(files []string, damaged func(error), yield func([]parley.Turn) bool) error {
	m := &merger{files: slices.Clone(files), damaged: damaged, yield: yield}
	for {
		err := m.run()
		bad, ok := errors.AsType[*damage](err)
		if !ok {
			return err
		}
		damaged(err)
		m.files = slices.DeleteFunc(m.files, func(path string) bool { return path == bad.path })
	}
}

// run yields the turns that were not yielded yet.
func (m *merger) run() error {
	places, err := m.lastPlaces()
	if err != nil {
		return err
	}
	turns := make([]parley.Turn, min(mergeRows, len(places)))
	for chunk := range slices.Chunk(places, mergeRows) {
		last := chunk[len(chunk)-1].turn
		turns = turns[:len(chunk)]
		if err := m.gather(chunk, turns); err != nil {
			return err
		}
		if !m.yield(turns) {
			return nil
		}
		m.after, m.started = last, true
	}
	return nil
}

// lastPlaces finds the last row of every turn that was not yielded yet, in order
// of id. Of the files it reads one column.
func (m *merger) lastPlaces() ([]place, error) {
	var places []place
	for i, path := range m.files {
		row := int32(0)
		err := scanInts(path, "turn_id", func(id int64) {
			if !m.started || id > m.after {
				places = append(places, place{id, int32(i), row})
			}
			row++
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.turn, b.turn), byFile(a, b))
	})
	last := places[:0]
	for i, p := range places {
		if i+1 == len(places) || places[i+1].turn != p.turn {
			last = append(last, p)
		}
	}
	return last, nil
}

// byFile orders places as they stand on the disk.
func byFile(a, b place) int {
	return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.row, b.row))
}

// gather reads the rows at the places into turns, in order of id. It opens each
// file they stand in once, and reorders places.
func (m *merger) gather(places []place, turns []parley.Turn) error {
	slices.SortFunc(places, byFile)
	found := 0
	for found < len(places) {
		file, row := places[found].file, int32(0)
		err := scan(m.files[file], func(batch []parley.Turn) bool {
			for i := range batch {
				if places[found].row == row {
					turns[found] = batch[i]
					if found++; found == len(places) || places[found].file != file {
						return false
					}
				}
				row++
			}
			return true
		})
		if err != nil {
			return err
		}
	}
	slices.SortFunc(turns, func(a, b parley.Turn) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}
