// Package receptionist has a real bot judge the record of a run. The FastAPI
// receptionist of the examples, on a real PostgreSQL and a real Redis, notes aside
// when each of its turns and calls began and ended, on the clock all processes
// of a machine share, and keeps books of what it booked, sent and used; what parley recorded and
// reckoned of the same run is held against that.
package receptionist
