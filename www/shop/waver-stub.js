window.waver=window.waver||function(){var a=arguments;return new Promise(function(r){(waver.q=waver.q||[]).push([a,r])})}
