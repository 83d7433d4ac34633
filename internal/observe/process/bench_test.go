//go:build linux

package process

import (
	"os"
	"testing"
)

// BenchmarkRead is what one reading costs, of this process itself.
func BenchmarkRead(b *testing.B) {
	tree := New(os.Getpid(), false)
	var table *Table
	for b.Loop() {
		table = ReadTable()
		if _, ok := tree.Read(table); !ok {
			b.Fatal("nothing was read")
		}
	}
	b.ReportMetric(float64(len(table.all)), "processes")
	b.ReportMetric(float64(len(tree.threads)), "threads")
}
