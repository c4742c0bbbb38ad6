package store

func isQuota(error) bool { return false }
