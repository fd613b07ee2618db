-- Of rules that are off or gone, and of models that nobody calls any more. Names of models come from callers: of more
-- than so many, what fires and what has to keep its cooldown stay before those of which enough was heard last.
DELETE FROM image_alert_states AS state
USING (
    SELECT
        known.rule_id,
        known.subject,
        rule.cooldown IS NULL AS is_off,
        row_number() OVER (
            PARTITION BY known.rule_id
            ORDER BY
                known.status = 'firing' DESC,
                coalesce(known.told_at > %(now)s::timestamptz - rule.cooldown, false) DESC,
                known.heard_at DESC NULLS LAST,
                known.count DESC,
                known.since DESC,
                known.subject
        ) AS place
    FROM image_alert_states AS known
    LEFT JOIN unnest(%(rule_ids)s::text[], %(cooldowns)s::interval[]) AS rule (id, cooldown)
        ON rule.id = known.rule_id
) AS placed
WHERE state.rule_id = placed.rule_id
    AND state.subject = placed.subject
    AND (
        placed.is_off
        OR placed.place > %(most)s
        OR (
            state.status <> 'firing'
            AND coalesce(state.heard_at, state.since) < %(now)s::timestamptz - interval '7 days'
        )
    )
