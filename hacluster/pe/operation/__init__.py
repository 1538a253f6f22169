"""Operations: how they are configured, their digests and fail counts, and making an action of one."""
