import type { Catalogue } from './catalogue.svelte';

export const ko: Catalogue = {
  message: '메시지',
  send: '보내기',
  stop: '중지',
  newChat: '새 채팅',
  copy: '복사',
  you: '나',
  assistant: '어시스턴트',

  greeting: '무엇을 도와드릴까요?',
  about: '두레는 지금 이 컴퓨터에서 돌아가는 모델로 답합니다. 쓰신 내용은 밖으로 나가지 않습니다.',
  aboutRemote: (host) =>
    `두레는 ${host}에서 돌아가는 모델로 답합니다. 쓰신 내용은 그곳으로만 갑니다.`,
  starters: '이렇게 물어보세요',
  starter1: '무지개가 생기는 원리를 세 문장으로 설명해 줘',
  starter2: '문장에서 가장 긴 단어를 찾는 파이썬 함수를 써 줘',
  starter3: '동료에게 보낼 짧은 감사 인사를 써 줘',
  starter4: '비 오는 일요일에 할 만한 일 다섯 가지를 알려 줘',

  placeholder: '무엇이든 물어보세요',
  smallPrint: '언어 모델은 틀릴 수 있습니다. 중요한 내용은 확인하세요.',

  answering: '답변하는 중',
  answered: '답변 완료',
  copied: '복사했습니다',
  copyFailed: '복사하지 못했습니다',
  tryAgain: '다시 시도',
  stopped: '답변을 중지했습니다.',
  interrupted: '페이지를 닫거나 새로 고쳐서 답변이 중간에 끊겼습니다.',
  lengthReached: '답변이 길이 제한에 이르렀습니다.',
  emptyAnswer: '모델이 아무 답도 하지 않았습니다.',
  toLatest: '최근 메시지로',
  wrapLines: '줄 바꿈',
  code: '코드',
  details: (model, tokens, rate, seconds) =>
    [model, tokens && `토큰 ${tokens}개`, rate && `초당 ${rate}토큰`, `첫 단어까지 ${seconds}초`]
      .filter(Boolean)
      .join(' · '),

  failedPartly: '답변이 여기서 끊겼습니다.',
  failedUnreachable: '서버와의 연결이 끊어졌습니다.',
  failedLoading: '모델을 아직 불러오는 중입니다.',
  failedStopping: '서버가 종료되는 중입니다.',
  failedContext: '대화가 모델이 읽을 수 있는 길이를 넘었습니다. 새 채팅에서 이어 가세요.',
  failedBusy: '서버가 다른 요청을 처리하고 있습니다. 잠시 뒤에 다시 시도하세요.',
  failedUnauthorized: '이 페이지에는 없는 권한을 서버가 요구합니다.',
  failedRejected: '서버가 이 메시지를 받아들이지 않았습니다.',
  failedServer: '서버에 문제가 생겼습니다.',

  unreachable: '서버에 연결할 수 없습니다. 다시 연결하는 중…',
  loading: '모델을 불러오는 중…',
  loadingShare: (percent) => `모델을 불러오는 중… ${percent}`,
  noModel: '서버가 모델 없이 시작되었습니다.',
  modelFailed: '모델을 불러오지 못했습니다.',
  stopping: '서버가 종료되는 중입니다.',
  reconnected: '다시 연결되었습니다.',

  cleared: '이전 채팅을 이 브라우저에서 지웠습니다.',
  undo: '되돌리기',
  dismiss: '닫기',

  settings: '설정',
  model: '모델',
  theme: '화면 모드',
  themeSystem: '시스템',
  themeLight: '밝게',
  themeDark: '어둡게',
  language: '언어',
  showDetails: '답변 아래에 속도 보기',
  skipToComposer: '메시지 입력란으로 건너뛰기',
};
