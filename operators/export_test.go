package operators

// HoldGroups sets how many groups a Preaggregate holds and returns what undoes it.
func HoldGroups(n int) func() {
	was := heldGroups
	heldGroups = n
	return func() { heldGroups = was }
}
