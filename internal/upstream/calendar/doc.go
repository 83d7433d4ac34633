// Package calendar simulates version 3 of the Google Calendar API and the token
// endpoint of its service accounts: events, free/busy times, incremental
// synchronisation, batches, quotas, and the errors of all of them, in the shape Google's
// own client libraries expect. Calendars are as full as the plan says from the start.
//
// It serves HTTP to whoever runs it and opens no sockets. It knows no recurring events,
// sends no invitations, and forgets everything when the run is over.
package calendar
