package tap

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestQueueIsASlice: whatever is done, the queue holds what a slice would.
func TestQueueIsASlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q Queue[int]
		var want []int
		for i, do := range rapid.SliceOfN(rapid.IntRange(0, 9), 0, 300).Draw(t, "steps") {
			switch {
			case do < 5:
				q.Push(i)
				want = append(want, i)
			case len(want) == 0:
			case do < 9:
				q.Pop()
				want = want[1:]
			default:
				at := i % len(want)
				q.Remove(at)
				want = slices.Delete(slices.Clone(want), at, at+1)
			}
			var got []int
			for j := range q.Len() {
				got = append(got, *q.At(j))
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%v, want %v", got, want)
			}
			if last := q.Last(); (last == nil) != (len(want) == 0) || last != nil && *last != want[len(want)-1] {
				t.Fatalf("the last of %v is %v", want, last)
			}
		}
	})
}

// TestQueueThatIsNeverEmpty does not grow.
func TestQueueThatIsNeverEmpty(t *testing.T) {
	var q Queue[int]
	q.Push(-1)
	for i := range 1_000_000 {
		q.Push(i)
		q.Pop()
	}
	if cap(q.items) > 16 {
		t.Errorf("room for %d", cap(q.items))
	}
}
