package secondbot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// sessionLife is how long a conversation is remembered after its last word.
const sessionLife = 30 * time.Minute

// session is what lives in Redis as JSON, a key for each patient.
type session struct {
	Turns  int            `json:"turnos"`
	Prices map[string]int `json:"precos,omitempty"` // reais by treatment, asked for once in a conversation
}

// profile holds the fields of a patient's preferences that are set.
type profile map[string]string

// fieldsOf are the names of a profile's fields, each a key of its own.
func fieldsOf() []string {
	return []string{
		"idioma", "canal", "horario", "unidade", "convenio", "carteira", "alergias", "lembrete", "tratamento", "genero",
		"acessibilidade", "estacionamento", "pagamento", "parcelas", "indicacao", "aniversario", "responsavel", "retorno", "ortodontia", "avaliacao",
	}
}

// sessions are kept in Redis.
type sessions struct {
	redis *redis.Client
	on    defects
}

// load reads the session and the profile of a patient, in one flight. fresh is false if the message was taken before.
func (s *sessions) load(ctx context.Context, phone, messageID string) (known session, prefs profile, fresh bool, err error) {
	keys := fieldsOf()
	for i, field := range keys {
		keys[i] = "perfil:" + phone + ":" + field
	}
	pipe := s.redis.Pipeline()
	taken := pipe.SetNX(ctx, "recebida:"+messageID, 1, sessionLife)
	text := pipe.Get(ctx, "sessao:"+phone)
	var fields *redis.SliceCmd
	if !s.on[noPipeline] {
		fields = pipe.MGet(ctx, keys...)
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return session{}, nil, false, fmt.Errorf("load the session: %w", err)
	}
	if raw, err := text.Bytes(); err == nil {
		if err := json.Unmarshal(raw, &known); err != nil {
			return session{}, nil, false, fmt.Errorf("load the session: %w", err)
		}
	}
	var values []any
	if fields != nil {
		values = fields.Val()
	} else if values, err = s.oneByOne(ctx, keys); err != nil {
		return session{}, nil, false, err
	}
	return known, profileOf(values), taken.Val(), nil
}

// oneByOne reads keys with a round trip for each.
func (s *sessions) oneByOne(ctx context.Context, keys []string) ([]any, error) {
	values := make([]any, len(keys))
	for i, key := range keys {
		value, err := s.redis.Get(ctx, key).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, fmt.Errorf("load the profile: %w", err)
		}
		if err == nil {
			values[i] = value
		}
	}
	return values, nil
}

func profileOf(values []any) profile {
	p := profile{}
	for i, field := range fieldsOf() {
		if text, ok := values[i].(string); ok {
			p[field] = text
		}
	}
	return p
}

// store writes the session.
func (s *sessions) store(ctx context.Context, phone string, known session) error {
	text, err := json.Marshal(known)
	if err != nil {
		return fmt.Errorf("store the session: %w", err)
	}
	pipe := s.redis.Pipeline()
	pipe.Set(ctx, "sessao:"+phone, text, sessionLife)
	pipe.SetNX(ctx, "perfil:"+phone+":idioma", "pt-BR", sessionLife)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("store the session: %w", err)
	}
	return nil
}
