SELECT
    channel.id,
    channel.service,
    channel.seen_at,
    channel.sent_at,
    channel.failed_at,
    channel.problem,
    count(message.id) FILTER (WHERE message.sent_at IS NULL AND message.given_up_at IS NULL),
    count(message.id) FILTER (WHERE message.given_up_at IS NOT NULL)
FROM image_alert_channels AS channel
LEFT JOIN image_alert_messages AS message ON message.channel_id = channel.id
WHERE channel.seen_at > now() - interval '1 day'
GROUP BY channel.id, channel.service, channel.seen_at, channel.sent_at, channel.failed_at, channel.problem
ORDER BY channel.service, channel.id
