// Package evolution judges the simulated WhatsApp gateway by the wire alone: a
// bot of its own keeps every webhook of real runs and every answer of the send API, and
// these are held against the shapes read in the source of Evolution API v2. Of
// parley's own code only the reader of the record takes part, for whose turn a call was: a field too many, too few or of another kind fails.
package evolution
