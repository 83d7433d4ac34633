// Package target starts and stops what a run is aimed at: the bot under test,
// and the PostgreSQL and Redis servers a plan asks parley to run privately. It
// also takes the fingerprint of the machine they share.
//
// A [Bot] is a process tree. Its setup command runs to its end first, then the
// bot itself is started in a process group of its own and waited for until it
// is ready; its output goes to a log from which known secrets are removed.
// However parley ends, kill -9 included, nothing it started stays behind:
//
//	what         when parley dies                     how
//	bot          the watchdog kills every descendant   its stdin, a pipe held by parley, closes
//	PostgreSQL   immediate shutdown                    parent-death signal SIGQUIT
//	Redis        killed                                parent-death signal SIGKILL
//
// The [Watchdog] is the same binary started again, between parley and the bot:
// a parent-death signal reaches the direct child only, and the workers of
// uvicorn, gunicorn or Celery are grandchildren. Folders which killed runs left
// are removed by the next server of the same kind.
//
// The package sends the bot no messages, changes nothing in servers it did not
// start, and does not decide which address is given to the bot.
package target
