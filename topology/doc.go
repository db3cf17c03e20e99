// Package topology is the plan: the graph of steps that an author meant, its
// validation, its fusing into stages that run as one task each, key groups and
// their ranges.
//
// # Main types
//
// [Graph] is steps and how they follow each other. [MakePlan] turns it into a
// [Plan] of [Stage]s connected by [Edge]s.
//
// # The caller's duties
//
// Steps come in an order in which inputs precede their readers, with unique
// stable names: state is addressed by them.
//
// The package neither says nor runs: stream builds graphs, actors runs plans,
// and the two never meet.
package topology
