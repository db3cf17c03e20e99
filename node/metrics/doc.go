// Package metrics counts what flows do, for Prometheus.
//
// [New] makes a registry of its own with the collectors of Go and the process;
// [Metrics.Stream] returns the recorder of a flow, which is told of every
// epoch; [Metrics.Handler] serves it. Labels are bounded: flows, steps, phases, routes.
package metrics
