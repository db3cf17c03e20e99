package rates

import (
	"context"
	"errors"
	"slices"

	"github.com/deltaic/deltaic/benchmarks/measure"
)

// WindowCases are the cases of [Window] that are not queries as they are: q11 with a fifth of its events out of order
// and one in fifty late, and hops of a second over windows of one and of ten minutes.
var WindowCases = []string{"q11_late", "hop_60s", "hop_600s"}

const (
	disorder  = 0.2
	lateShare = 0.02
)

// Window measures windows: B5 and B6.
func Window(ctx context.Context, o Options) (r *measure.Report, err error) {
	o.defaults(slices.Concat([]string{"q5", "q11"}, WindowCases))
	if err := o.check(WindowCases); err != nil {
		return nil, err
	}
	var queries []string
	for _, c := range o.Cases {
		if !slices.Contains(WindowCases, c) {
			queries = append(queries, c)
		}
	}
	var plain, late *bids
	defer func() { err = errors.Join(err, closeAll(plain, late)) }()
	var subjects []*subject
	if len(queries) > 0 {
		if plain, err = newBids(ctx, o.events(), queries); err != nil {
			return nil, err
		}
		for _, q := range queries {
			subjects = append(subjects, plain.subject(q, q, &o))
		}
	}
	if slices.Contains(o.Cases, "q11_late") {
		events := o.events()
		events.Disorder, events.Late = disorder, lateShare
		if late, err = newBids(ctx, events, []string{"q11"}); err != nil {
			return nil, err
		}
		subjects = append(subjects, late.subject("q11_late", "q11", &o))
	}
	hops, err := o.Hop.subjects(&o)
	if err != nil {
		return nil, err
	}
	r, err = report(ctx, "window", &o, append(subjects, hops...), []compare{{"hop_600s", "hop_60s"}, {"q11_late", "q11"}})
	if err == nil && len(hops) > 0 {
		o.Hop.settings(r)
	}
	return r, err
}

// Distinct measures exact DISTINCT, and any other query over keys: B8 and B4.
func Distinct(ctx context.Context, o Options) (r *measure.Report, err error) {
	o.defaults([]string{"q15", "q16"})
	if err := o.check(nil); err != nil {
		return nil, err
	}
	b, err := newBids(ctx, o.events(), o.Cases)
	defer func() { err = errors.Join(err, b.close()) }()
	if err != nil {
		return nil, err
	}
	var subjects []*subject
	for _, q := range o.Cases {
		subjects = append(subjects, b.subject(q, q, &o))
	}
	return report(ctx, "distinct", &o, subjects, nil)
}

// Ratios of hot auctions in [Skew]: all bids are on any auction, or one in a hundred.
const (
	uniform = 1
	skewed  = 100
)

// Skew measures queries with 99 % of the bids on the hot auction of their hundred beside the same without one: B18. Each case
// of the options is a query.
func Skew(ctx context.Context, o Options) (r *measure.Report, err error) {
	o.defaults([]string{"q5", "q15", "q17"})
	if err := o.check(nil); err != nil {
		return nil, err
	}
	var runs [2]*bids
	defer func() { err = errors.Join(err, closeAll(runs[:]...)) }()
	for i, ratio := range []uint64{uniform, skewed} {
		events := o.events()
		events.HotAuction = ratio
		if runs[i], err = newBids(ctx, events, o.Cases); err != nil {
			return nil, err
		}
	}
	var subjects []*subject
	var pairs []compare
	for _, q := range o.Cases {
		subjects = append(subjects, runs[0].subject(q+"_uniform", q, &o), runs[1].subject(q+"_skewed", q, &o))
		pairs = append(pairs, compare{q + "_skewed", q + "_uniform"})
	}
	return report(ctx, "skew", &o, subjects, pairs)
}
