// Package wires holds the checks that need nothing but what was heard on the bot's wires.
package wires

import "parley/internal/diagnose"

// Checks are all of them, hardest-hitting first.
func Checks() []diagnose.Check {
	return []diagnose.Check{
		blockedLoop(),
		poolLimit(),
		workersLimit(),
		ownTime(),
		heldTransaction(),
		lockWait(),
		nPlusOne(),
		connectionPerTurn(),
		roundTrips(),
		loadedAgain(),
		largeValues(),
		unboundedReads(),
		slowStatement(),
		couldOverlap(),
		growingPrompt(),
		identicalPrompts(),
		uncacheablePrompt(),
		repeatedLookups(),
		noTimeout(),
		retries(),
		ackAfterWork(),
		delayGivenAway(),
		duplicateReplies(),
		workAfterAnswer(),
	}
}
