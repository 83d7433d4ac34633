// Package openai is a simulated OpenAI API: chat completions, whole and
// streamed, with tools, usage, prompt caching, rate limits, latency and faults;
// embeddings, transcriptions and the list of models. It speaks the wire format exactly and has no
// language model in it: a script from the plan and a few deterministic rules decide what
// it says. It does not open sockets, and does not know which turn a call belongs to.
//
// Shapes follow the openai-openapi description, version 2.3.0; texts of errors follow the live API.
package openai
