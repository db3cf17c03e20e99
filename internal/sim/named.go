package sim

import "strings"

// LeastFired is how often each named point must fire in a full sweep, LeastSeeds how many
// seeds must fire each of [Faults].
const (
	LeastFired = 5
	LeastSeeds = 100
)

// Faults is what seeds do to processes beside crashes.
var Faults = []string{"kill", "power-cut", "io-error", "no-space", "lose-reply", "lose-request", "repeat", "task-panic", "zombie"}

// Named is the points that a sweep must have fired: flow, phase, class of file, operation.
// A phase is what the process is at: opening an attempt (claim, roll-forward, sweep, making tables), running a
// step, preparing an ack, deciding, committing, cleaning up. When the engine
// does its work in another way, the list is to change with it, on purpose.
var Named = expand(
	"single decide checkpoint: create link remove sync write",
	"single decide last-checkpoint: create rename sync write",
	"single decide table-log: create dirsync link remove sync write",
	"single open folder: dirsync",
	"single open table-log: create dirsync link mkdir remove sync write",
	"single prepare data: link remove sync write",
	"single prepare folder: dirsync",
	"single run data: create",
	"single run folder: dirsync",
	"dedup decide checkpoint: create link remove sync write",
	"dedup decide last-checkpoint: create rename sync write",
	"dedup decide table-log: create dirsync link remove sync write",
	"dedup open folder: dirsync",
	"dedup open state: dirsync remove",
	"dedup open table-log: create dirsync link mkdir remove sync write",
	"dedup prepare data: link remove sync write",
	"dedup prepare folder: dirsync",
	"dedup prepare state: create dirsync link mkdir remove sync write",
	"dedup run data: create",
	"dedup run folder: dirsync",
	"three clean-up manifest: dirsync remove",
	"three commit checkpoint: create link remove sync write",
	"three commit folder: dirsync",
	"three commit last-checkpoint: create rename sync write",
	"three commit table-log: create dirsync link remove sync write",
	"three decide folder: dirsync",
	"three decide ledger-log: create dirsync link remove sync write",
	"three decide manifest: create dirsync link mkdir remove sync write",
	"three open folder: dirsync",
	"three open ledger-log: create dirsync link mkdir remove sync write",
	"three open table-log: create dirsync link mkdir remove sync write",
	"three prepare data: link remove sync write",
	"three prepare folder: dirsync",
	"three prepare state: create dirsync link mkdir remove sync write",
	"three run data: create",
	"three run folder: dirsync mkdir",
)

// expand makes one name of every operation behind a colon.
func expand(lines ...string) (names []string) {
	for _, l := range lines {
		place, verbs, _ := strings.Cut(l, ":")
		for _, v := range strings.Fields(verbs) {
			names = append(names, place+" "+v)
		}
	}
	return names
}
