// Package engine runs a run: it is the one place where the plan, the bot, the
// simulators, the crowd and the record meet.
//
// The order of a run, each step undone in reverse whatever happens:
//
//  1. the record is opened, so that whatever follows is kept;
//  2. simulators listen, private services start, the bot starts with every
//     base URL pointed at parley (or is found running);
//  3. a canary proves that the bot's wires end in parley;
//  4. the phases are played, watched second by second;
//  5. waiting turns drain, the record is closed.
//
// The engine decides nothing about the figures: it only says, in
// [parley.Run].Problems and Generator, whether they can be trusted.
package engine
