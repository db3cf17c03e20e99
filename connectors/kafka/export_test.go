package kafka

// StripeOf has parts take turns after so many offsets, which real ones do after 1024.
func StripeOf(n int64) Option {
	return reading("StripeOf", func(c *config) error { c.stripe = n; return nil })
}

// Aside bounds what a reader holds for parts that are paused while others are not.
func Aside(bytes int64) Option {
	return reading("Aside", func(c *config) error { c.aside = bytes; return nil })
}
