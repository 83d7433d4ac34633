package secondbot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

const instructions = `Voce e a assistente da Clinica Sorriso. Responda em uma ou duas frases, com gentileza, e so sobre a clinica.`

// answer goes through a turn: what is known, the model's answer, and then what was said is sent and kept side by side.
func (b *bot) answer(ctx context.Context, m inbound) error {
	known, prefs, fresh, err := b.sessions.load(ctx, m.phone, m.id)
	if err != nil || !fresh {
		return err
	}
	with, release, err := b.store.turn(ctx)
	if err != nil {
		return err
	}
	defer release()
	p, err := b.lookUp(ctx, with, m, &known)
	if err != nil {
		return err
	}
	text, err := b.services.complete(ctx, conversation(p, prefs, known, m))
	if err != nil {
		return err
	}
	known.Turns++
	return sideBySide(
		func() error { return b.services.send(ctx, m.phone, text) },
		func() error { return keep(ctx, with, p, m.words, text) },
		func() error { return b.sessions.store(ctx, m.phone, known) },
	)
}

// lookUp reads the patient's file and, at the same time, prices that the session does not have.
func (b *bot) lookUp(ctx context.Context, with access, m inbound, known *session) (p *patient, err error) {
	err = sideBySide(
		func() (err error) {
			p, err = b.store.patient(ctx, with, m.phone, m.name)
			return err
		},
		func() (err error) {
			if known.Prices == nil {
				known.Prices, err = b.services.quote(ctx, m.phone)
			}
			return err
		},
	)
	return p, err
}

// sideBySide does things at the same time and waits for all.
func sideBySide(things ...func() error) error {
	var all sync.WaitGroup
	errs := make([]error, len(things))
	for i, do := range things {
		all.Go(func() { errs[i] = do() })
	}
	all.Wait()
	return errors.Join(errs...)
}

// conversation is the prompt: what stays the same first.
func conversation(p *patient, prefs profile, known session, m inbound) []prompt {
	out := []prompt{{"system", instructions}, {"system", fmt.Sprintf("Paciente: %s, idioma %s.\n%s\nLimpeza: R$ %d.", m.name, prefs["idioma"], p.summary(), known.Prices["limpeza"])}}
	for _, said := range slices.Backward(p.history) { // the newest came first
		role := "user"
		if said.author == "clinica" {
			role = "assistant"
		}
		out = append(out, prompt{role, said.text})
	}
	return append(out, prompt{"user", m.words})
}
