package tap

// Queue holds what waits for its answer, first come first served. Its room is that of the longest it ever was, not of all that
// went through: a connection that always has something under way must not grow. The zero value is empty.
type Queue[T any] struct {
	items []T // items[first:] are the queue
	first int
}

// Len is how many wait.
func (q *Queue[T]) Len() int { return len(q.items) - q.first }

// At returns the ith from the front, until the queue is changed.
func (q *Queue[T]) At(i int) *T { return &q.items[q.first+i] }

// Last returns the one that came last, nil if there is none.
func (q *Queue[T]) Last() *T {
	if q.Len() == 0 {
		return nil
	}
	return &q.items[len(q.items)-1]
}

// Push adds one at the end.
func (q *Queue[T]) Push(x T) {
	if len(q.items) == cap(q.items) && q.first > len(q.items)/2 {
		n := copy(q.items, q.items[q.first:])
		clear(q.items[n:])
		q.items, q.first = q.items[:n], 0
	}
	q.items = append(q.items, x)
}

// Pop takes the first off.
func (q *Queue[T]) Pop() {
	var none T
	q.items[q.first] = none // what it held is free
	if q.first++; q.first == len(q.items) {
		q.items, q.first = q.items[:0], 0
	}
}

// Remove takes the ith from the front out.
func (q *Queue[T]) Remove(i int) {
	if i == 0 {
		q.Pop()
		return
	}
	at := q.first + i
	copy(q.items[at:], q.items[at+1:])
	var none T
	q.items[len(q.items)-1] = none
	q.items = q.items[:len(q.items)-1]
}
