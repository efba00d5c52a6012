// What the providers' SDKs and strict clients insist on, per dialect: whole answers and streams. A stream's validator
// gives back the answer that its events add up to, in the shape of the whole answer.
export { validChat, validChatStream } from './valid_chat.mjs';
export { validError } from './valid_error.mjs';
export { validMessage, validMessageStream } from './valid_message.mjs';
export { validResponse, validResponseStream } from './valid_response.mjs';
