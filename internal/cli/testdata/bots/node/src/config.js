// All settings come from the environment.
function need(name) {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set`)
  return value
}

export const config = {
  port: Number(process.env.BOT_PORT || 3000),
  history: Number(process.env.HISTORY_LENGTH ?? 12),
  gateway: {
    url: need('WHATSAPP_GATEWAY').replace(/\/$/, ''),
    token: need('WHATSAPP_GATEWAY_TOKEN'),
    session: process.env.WHATSAPP_SESSION || 'barber',
  },
  llm: {
    endpoint: process.env.LLM_ENDPOINT || 'https://api.openai.com/v1/chat/completions',
    secret: need('LLM_SECRET'),
  },
  crmKey: need('CRM_API_KEY'),
}
