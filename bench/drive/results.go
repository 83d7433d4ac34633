package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"parley/bench/rig"
)

// results are the figures of all cases that were run.
type results struct {
	CPUPerTurn    float64 `json:"cpu_us_per_turn,omitempty"`
	HeyPerRequest float64 `json:"hey_cpu_us_per_request,omitempty"`
	RatioToHey    float64 `json:"ratio_to_hey,omitempty"`
	// Ratios are those of all rounds, in order of size.
	Ratios       []float64 `json:"ratios_to_hey,omitempty"`
	BytesWaiting float64   `json:"bytes_per_waiting_conversation,omitempty"`
	BytesOpen    float64   `json:"bytes_per_open_webhook,omitempty"`
	CPUAmongFew  float64   `json:"cpu_us_per_turn_1000,omitempty"`
	CPUAmongMany float64   `json:"cpu_us_per_turn_100000,omitempty"`
	Flatness     float64   `json:"flatness,omitempty"`
	Flatnesses   []float64 `json:"flatnesses,omitempty"` // of the rounds

	Connections int  `json:"connections"`
	Descriptors int  `json:"descriptors"`
	Pinned      bool `json:"pinned"`

	Peers   map[string]rig.PeerResult `json:"peers,omitempty"`
	Turn    *cost                     `json:"turn,omitempty"`
	Rate    *cost                     `json:"rate,omitempty"`
	Waiting *held                     `json:"waiting,omitempty"`
	Open    *held                     `json:"open,omitempty"`
	Flat    map[int]cost              `json:"flat,omitempty"`
	// Notes say what keeps figures from being comparable.
	Notes []string `json:"notes,omitempty"`
}

// cost is what turns cost the generator. CPUPerTurn is that of the steady phase, segments of
// the record included; CPUPerTurnWhole is that of the whole process, from its start to the
// compacted record, over all turns.
type cost struct {
	CPUPerTurn      float64 `json:"cpu_us_per_turn"`
	CPUPerTurnWhole float64 `json:"cpu_us_per_turn_whole"`
	Turns           int     `json:"turns"`
	PerSecond       float64 `json:"turns_per_second"`
	Cores           float64 `json:"cores"`
	Conversations   int     `json:"conversations"`
	PeakRSSMB       float64 `json:"peak_rss_mb"`
	LagP99MS        float64 `json:"lag_p99_ms"`
	Dropped         int64   `json:"rows_dropped"`
}

// held is the memory of users who wait.
type held struct {
	Users     int     `json:"users"`
	BytesEach float64 `json:"bytes_each"`
	BeforeMB  float64 `json:"rss_before_mb"`
	RSSMB     float64 `json:"rss_mb"`
	PeakRSSMB float64 `json:"peak_rss_mb"`
}

// relate fills in the figures that compare cases.
func (r *results) relate() {
	r.HeyPerRequest = r.Peers["hey"].CPUPerRequest
	if r.Turn != nil {
		r.CPUPerTurn = r.Turn.CPUPerTurn
		if r.HeyPerRequest > 0 {
			r.RatioToHey = r.CPUPerTurn / r.HeyPerRequest
		}
	}
	if r.Waiting != nil {
		r.BytesWaiting = r.Waiting.BytesEach
	}
	if r.Open != nil {
		r.BytesOpen = r.Open.BytesEach
	}
	r.CPUAmongFew, r.CPUAmongMany = r.Flat[1000].CPUPerTurn, r.Flat[100_000].CPUPerTurn
	if r.CPUAmongFew > 0 {
		r.Flatness = r.CPUAmongMany / r.CPUAmongFew
	}
}

// write tells people.
func (r *results) write(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(cells string, args ...any) { _, _ = fmt.Fprintf(t, cells+"\n", args...) } // errors surface in Flush
	for _, p := range rig.Peers() {
		if got, ok := r.Peers[p.Name]; ok {
			line("%s, plain POST of %d bytes\t%.1f us CPU a request\t%d requests\t%.0f MB", p.Name, webhookBytes, got.CPUPerRequest, got.Requests, got.PeakRSSMB)
		} else if r.Peers != nil {
			line("%s\tnot installed", p.Name)
		}
	}
	row := func(name string, c *cost) {
		line("%s\t%.1f us CPU a turn (%.1f with the start and the end of the run)\t%.0f turns/s on %.2f cores\t%.0f MB at most\tlag p99 %.1f ms\t%d rows lost",
			name, c.CPUPerTurn, c.CPUPerTurnWhole, c.PerSecond, c.Cores, c.PeakRSSMB, c.LagP99MS, c.Dropped)
	}
	if r.Turn != nil {
		row(fmt.Sprintf("turn, recorded, %d users at saturation", r.Connections), r.Turn)
	}
	if r.RatioToHey > 0 {
		line("ratio to hey\t%.2f", r.RatioToHey)
	}
	if r.Rate != nil {
		row("turn, recorded, at a rate below it", r.Rate)
	}
	if r.Waiting != nil {
		line("%d users wait, acknowledged\t%.0f bytes each\t%.0f MB\t%.0f MB at most", r.Waiting.Users, r.Waiting.BytesEach, r.Waiting.RSSMB, r.Waiting.PeakRSSMB)
	}
	if r.Open != nil {
		line("%d webhooks without a response\t%.0f bytes each\t%.0f MB\t%.0f MB at most\t%d descriptors allowed", r.Open.Users, r.Open.BytesEach, r.Open.RSSMB, r.Open.PeakRSSMB, r.Descriptors)
	}
	for _, n := range []int{1000, 100_000} {
		if c, ok := r.Flat[n]; ok {
			row(fmt.Sprintf("turn among %d conversations", n), &c)
		}
	}
	if r.Flatness > 0 {
		line("among many to among few\t%.2f", r.Flatness)
	}
	for _, note := range r.Notes {
		line("note: %s", note)
	}
	return t.Flush()
}
