-- Indexes for lists that read a whole table among millions of schedules and reservations, version 2. Only added: servers of
-- the version before go on beside it.

-- Concerts in the order in which their sales open: a page of them is a walk of a few entries.
ALTER TABLE schedule ADD KEY schedule_by_opening (booking_start, concert_id);

-- All reservations in a state, in order of id: a page of what staff asks for by status alone.
ALTER TABLE reservation ADD KEY reservation_by_status (state, reservation_id);

-- What was paid since a moment, over all schedules: best selling.
ALTER TABLE payment ADD KEY payment_by_time (state, at, schedule_id, seats);
