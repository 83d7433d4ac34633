package price

import (
	"hash/maphash"
	"sync"

	"github.com/tiktoken-go/tokenizer"
)

// keptTokens and keptTexts bound what one generation of a vocabulary's memory
// holds (4 bytes a token). There are two generations.
const (
	keptTokens = 1 << 20
	keptTexts  = 1 << 14
)

// vocabulary is one encoding with its memory of texts met lately.
type vocabulary struct {
	once  sync.Once
	codec tokenizer.Codec
	seed  maphash.Seed

	mu sync.Mutex
	// young takes new texts until it is full; then it becomes old, and the
	// old one is forgotten. A text found in old moves to young.
	young, old map[uint64][]uint32
	size       int // tokens in young
}

// of builds the vocabulary on first use.
func (v *vocabulary) of(encoding tokenizer.Encoding) *vocabulary {
	v.once.Do(func() {
		codec, err := tokenizer.Get(encoding)
		if err != nil {
			// Both encodings asked for are compiled into the tokenizer.
			panic("price: no vocabulary " + string(encoding))
		}
		v.codec = codec
		v.seed = maphash.MakeSeed()
		v.young = make(map[uint64][]uint32)
	})
	return v
}

// tokens returns the ids of the tokens of text. The slice is shared: it must not be changed.
func (v *vocabulary) tokens(text string) []uint32 {
	if text == "" {
		return nil
	}
	hash := maphash.String(v.seed, text)
	if ids, ok := v.recall(hash); ok {
		return ids
	}
	found, _, err := v.codec.Encode(text)
	ids := make([]uint32, len(found))
	for i, id := range found {
		ids[i] = uint32(id)
	}
	if err != nil {
		ids = make([]uint32, estimate(text))
	}
	v.mu.Lock()
	v.keep(hash, ids)
	v.mu.Unlock()
	return ids
}

func (v *vocabulary) recall(hash uint64) ([]uint32, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if ids, ok := v.young[hash]; ok {
		return ids, true
	}
	ids, ok := v.old[hash]
	if ok {
		v.keep(hash, ids)
	}
	return ids, ok
}

func (v *vocabulary) keep(hash uint64, ids []uint32) {
	if v.size+len(ids) > keptTokens || len(v.young) >= keptTexts {
		v.old, v.young, v.size = v.young, make(map[uint64][]uint32), 0
	}
	v.young[hash] = ids
	v.size += len(ids)
}

// estimate stands in where the tokenizer gives up: OpenAI's rule of thumb of four characters a token.
func estimate(text string) int { return (len(text) + 3) / 4 }
