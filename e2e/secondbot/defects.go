package secondbot

import (
	"fmt"
	"slices"
	"strings"
)

// What DEFEITO may hold, separated by commas.
const (
	nPlusOne      = "n_mais_um"    // a statement for each appointment of a patient
	smallPool     = "pool_pequeno" // two connections, one of which a turn holds while the model thinks
	noPipeline    = "sem_pipeline" // the fields of a profile are read one by one
	typingPause   = "espera"       // "typing ..." and 1.5 s before an answer is sent
	newConnection = "conexao_nova" // a connection to PostgreSQL whenever a turn needs one
	stubborn      = "repete"       // requests that the model's service refused for good are made again
)

// defects are those that are switched on.
type defects map[string]bool

// parseDefects reads the value of DEFEITO.
func parseDefects(text string) (defects, error) {
	known := []string{nPlusOne, smallPool, noPipeline, typingPause, newConnection, stubborn}
	on := defects{}
	for name := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("DEFEITO: %q is none of %s", name, strings.Join(known, ", "))
		}
		on[name] = true
	}
	return on, nil
}
